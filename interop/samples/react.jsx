// @auth0/auth0-react with React Router 6.
import { Auth0Provider, useAuth0, withAuthenticationRequired } from '@auth0/auth0-react';
import { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { BrowserRouter, Link, Route, Routes, useNavigate } from 'react-router-dom';

const { domain, clientId, audience, callback, api } = window.configuration;

function Provider({ children }) {
  const navigate = useNavigate();
  return (
    <Auth0Provider domain={domain} clientId={clientId} authorizationParams={{ audience, redirect_uri: callback }}
      onRedirectCallback={(appState) => navigate(appState?.returnTo || window.location.pathname)}>
      {children}
    </Auth0Provider>
  );
}

function Navigation() {
  const { isAuthenticated, loginWithRedirect, logout } = useAuth0();
  const leave = (hint) => loginWithRedirect({ appState: { returnTo: '/profile' }, authorizationParams: hint });
  return (
    <nav>
      {['public', 'profile', 'protected', 'admin'].map((page) => <Link key={page} to={`/${page}`}>{page}</Link>)}
      {isAuthenticated
        ? <button onClick={() => logout({ logoutParams: { returnTo: window.location.origin } })}>Log Out</button>
        : <>
          <button onClick={() => leave({ prompt: 'login' })}>Log In</button>
          <button onClick={() => leave({ screen_hint: 'signup' })}>Sign Up</button>
        </>}
    </nav>
  );
}

function Profile() {
  const { user } = useAuth0();
  return <><img src={user.picture} alt="" /><pre>{JSON.stringify(user)}</pre></>;
}

function Message({ of, open }) {
  const { getAccessTokenSilently } = useAuth0();
  const [message, setMessage] = useState('');
  useEffect(() => {
    (async () => {
      const headers = { 'content-type': 'application/json' };
      if (!open) headers.Authorization = `Bearer ${await getAccessTokenSilently()}`;
      const answer = await fetch(`${api}/api/messages/${of}`, { headers });
      setMessage(await answer.text());
    })().catch((error) => setMessage(String(error)));
  }, [getAccessTokenSilently, of, open]);
  return <pre>{message}</pre>;
}

const guarded = (component) => withAuthenticationRequired(component, { onRedirecting: () => <p>Loading</p> });
const pages = {
  '/': () => <h1>Home</h1>,
  '/callback': () => <p>Loading</p>,
  '/public': () => <Message of="public" open />,
  '/profile': guarded(Profile),
  '/protected': guarded(() => <Message of="protected" />),
  '/admin': guarded(() => <Message of="admin" />),
};

function Pages() {
  const { isLoading, error } = useAuth0();
  if (isLoading) return <p>Loading</p>;
  if (error) return <pre>{error.message}</pre>;
  return <Routes>{Object.entries(pages).map(([path, Page]) => <Route key={path} path={path} element={<Page />} />)}</Routes>;
}

createRoot(document.getElementById('root')).render(
  <BrowserRouter><Provider><Navigation /><main><Pages /></main></Provider></BrowserRouter>,
);
