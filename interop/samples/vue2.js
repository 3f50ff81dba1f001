// auth0-spa-js in Vue 2, as a plugin that the application makes of it.
import { createAuth0Client } from '@auth0/auth0-spa-js';
import Vue from 'vue2/dist/vue.esm.js';
import VueRouter from 'vue-router-3';

const { domain, clientId, audience, callback, api } = window.configuration;

const auth0 = new Vue({
  data: { client: null, isLoading: true, isAuthenticated: false, user: {}, error: null },
  async created() {
    this.client = await createAuth0Client({ domain, clientId, authorizationParams: { audience, redirect_uri: callback } });
    let target;
    try {
      const { search } = window.location;
      if ((search.includes('code=') || search.includes('error=')) && search.includes('state=')) {
        target = (await this.client.handleRedirectCallback()).appState?.target ?? '/';
      }
    } catch (error) {
      this.error = error;
    }
    this.isAuthenticated = await this.client.isAuthenticated();
    this.user = await this.client.getUser();
    this.isLoading = false;
    if (target) router.push(target);
  },
});
Vue.prototype.$auth0 = auth0;

function guard(to, _, next) {
  const decide = () => {
    if (auth0.isAuthenticated) return next();
    auth0.client.loginWithRedirect({ appState: { target: to.fullPath } });
  };
  if (!auth0.isLoading) return decide();
  const stop = auth0.$watch('isLoading', () => { stop(); decide(); });
}

const Navigation = {
  methods: {
    leave(hint) {
      this.$auth0.client.loginWithRedirect({ appState: { target: '/profile' }, authorizationParams: hint });
    },
    logOut() {
      this.$auth0.client.logout({ logoutParams: { returnTo: window.location.origin } });
    },
  },
  template: `<nav>
    <router-link v-for="page in ['public', 'profile', 'protected', 'admin']" :key="page" :to="'/' + page">{{ page }}</router-link>
    <button v-if="$auth0.isAuthenticated" @click="logOut()">Log Out</button>
    <template v-else>
      <button @click="leave({ prompt: 'login' })">Log In</button>
      <button @click="leave({ screen_hint: 'signup' })">Sign Up</button>
    </template>
  </nav>`,
};

const Profile = { template: `<div><img :src="$auth0.user.picture" alt=""><pre>{{ JSON.stringify($auth0.user) }}</pre></div>` };

const message = (of, open) => ({
  data: () => ({ text: '' }),
  async mounted() {
    try {
      const headers = { 'content-type': 'application/json' };
      if (!open) headers.Authorization = `Bearer ${await this.$auth0.client.getTokenSilently()}`;
      this.text = await (await fetch(`${api}/api/messages/${of}`, { headers })).text();
    } catch (error) {
      this.text = String(error);
    }
  },
  template: `<pre>{{ text }}</pre>`,
});

Vue.use(VueRouter);
const router = new VueRouter({
  mode: 'history',
  routes: [
    { path: '/', component: { template: `<h1>Home</h1>` } },
    { path: '/callback', component: { template: `<pre>{{ $auth0.error && $auth0.error.message }}</pre>` } },
    { path: '/public', component: message('public', true) },
    { path: '/profile', component: Profile, beforeEnter: guard },
    { path: '/protected', component: message('protected'), beforeEnter: guard },
    { path: '/admin', component: message('admin'), beforeEnter: guard },
  ],
});

new Vue({ router, components: { Navigation }, template: `<div><Navigation /><main><router-view /></main></div>` }).$mount('#root');
