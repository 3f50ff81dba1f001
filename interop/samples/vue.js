// @auth0/auth0-vue with Vue 3, through the Composition API and through the Options API.
import { authGuard, createAuth0, useAuth0 } from '@auth0/auth0-vue';
import { createApp, onMounted, ref } from 'vue';
import { createRouter, createWebHistory } from 'vue-router';

const { domain, clientId, audience, callback, api } = window.configuration;

const Navigation = {
  methods: {
    leave(hint) {
      this.$auth0.loginWithRedirect({ appState: { target: '/profile' }, authorizationParams: hint });
    },
    logOut() {
      this.$auth0.logout({ logoutParams: { returnTo: window.location.origin } });
    },
  },
  template: `<nav>
    <router-link v-for="page in ['public', 'profile', 'protected', 'admin']" :key="page" :to="'/' + page">{{ page }}</router-link>
    <button v-if="$auth0.isAuthenticated.value" @click="logOut()">Log Out</button>
    <template v-else>
      <button @click="leave({ prompt: 'login' })">Log In</button>
      <button @click="leave({ screen_hint: 'signup' })">Sign Up</button>
    </template>
  </nav>`,
};

const Profile = {
  setup: () => ({ user: useAuth0().user }),
  template: `<img :src="user.picture" alt=""><pre>{{ JSON.stringify(user) }}</pre>`,
};

const message = (of, open) => ({
  setup() {
    const { getAccessTokenSilently } = useAuth0();
    const text = ref('');
    onMounted(async () => {
      try {
        const headers = { 'content-type': 'application/json' };
        if (!open) headers.Authorization = `Bearer ${await getAccessTokenSilently()}`;
        text.value = await (await fetch(`${api}/api/messages/${of}`, { headers })).text();
      } catch (error) {
        text.value = String(error);
      }
    });
    return { text };
  },
  template: `<pre>{{ text }}</pre>`,
});

const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/', component: { template: `<h1>Home</h1>` } },
    { path: '/callback', component: { setup: () => useAuth0(), template: `<pre>{{ error?.message }}</pre>` } },
    { path: '/public', component: message('public', true) },
    { path: '/profile', component: Profile, beforeEnter: authGuard },
    { path: '/protected', component: message('protected'), beforeEnter: authGuard },
    { path: '/admin', component: message('admin'), beforeEnter: authGuard },
  ],
});

createApp({ components: { Navigation }, template: `<Navigation /><main><router-view /></main>` })
  .use(router)
  .use(createAuth0({ domain, clientId, authorizationParams: { audience, redirect_uri: callback } }))
  .mount('#root');
