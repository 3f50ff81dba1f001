// An authorization server that is not ours: oidc-provider over https, for machines alone. It prints its
// issuer once it listens. Its argument is a JSON file:
//
//   {"port", "certificate", "key", "jwks", "clients", "resources": {"<identifier>": {"format", "scope"}},
//    "permissions": {"<client id>": […]}}
//
// A token that is asked for without a resource is for the first one.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import Provider, { errors } from 'oidc-provider';

const config = JSON.parse(readFileSync(process.argv[2], 'utf8'));

async function getResourceServerInfo(_ctx, identifier) {
  const { format, scope } = config.resources[identifier] ?? {};
  if (!scope) throw new errors.InvalidTarget();
  return {
    scope,
    accessTokenFormat: format,
    accessTokenTTL: 600,
    ...(format === 'jwt' && { jwt: { sign: { alg: 'RS256' } } }),
  };
}

const server = createServer({ cert: config.certificate, key: config.key });
server.listen(config.port, '127.0.0.1', () => {
  const issuer = `https://127.0.0.1:${server.address().port}/`;
  const provider = new Provider(issuer, {
    jwks: config.jwks,
    clients: config.clients,
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    scopes: ['read:messages'],
    routes: { jwks: '/.well-known/jwks.json', token: '/oauth/token', introspection: '/introspect' },
    extraTokenClaims: (_ctx, token) => ({ permissions: config.permissions[token.clientId] ?? [] }),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: (_ctx, client) => client.clientId.startsWith('api-') },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo,
        defaultResource: () => Object.keys(config.resources)[0],
      },
    },
  });
  server.on('request', provider.callback());
  console.log(`issuer ${issuer}`);
});
