// auth0-spa-js 1, the SDK's former generation, with Svelte.
import createAuth0Client from 'auth0-spa-js-1';
import { writable } from 'svelte/store';
import Application from './application.svelte';

const { domain, clientId, audience, callback } = window.configuration;
const auth0 = await createAuth0Client({ domain, client_id: clientId, audience, redirect_uri: callback });
const page = writable(window.location.pathname);
const go = (path) => {
  window.history.pushState({}, '', path);
  page.set(path);
};

let error;
const { search } = window.location;
if ((search.includes('code=') || search.includes('error=')) && search.includes('state=')) {
  try {
    go((await auth0.handleRedirectCallback()).appState?.target ?? '/');
  } catch (thrown) {
    error = thrown;
  }
}
new Application({
  target: document.getElementById('root'),
  props: { auth0, page, go, error, isAuthenticated: await auth0.isAuthenticated(), user: await auth0.getUser() },
});
