package party;

import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.net.URI;
import java.time.Clock;
import java.time.Duration;
import java.util.Map;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.web.servlet.context.ServletWebServerInitializedEvent;
import org.springframework.context.annotation.Bean;
import org.springframework.context.event.EventListener;
import org.springframework.http.ResponseEntity;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.oauth2.client.OAuth2AuthorizeRequest;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClient;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClientManager;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClientProviderBuilder;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClientService;
import org.springframework.security.oauth2.client.authentication.OAuth2AuthenticationToken;
import org.springframework.security.oauth2.client.oidc.web.logout.OidcClientInitiatedLogoutSuccessHandler;
import org.springframework.security.oauth2.client.registration.ClientRegistrationRepository;
import org.springframework.security.oauth2.client.web.DefaultOAuth2AuthorizationRequestResolver;
import org.springframework.security.oauth2.client.web.DefaultOAuth2AuthorizedClientManager;
import org.springframework.security.oauth2.client.web.OAuth2AuthorizationRequestCustomizers;
import org.springframework.security.oauth2.client.web.OAuth2AuthorizedClientRepository;
import org.springframework.security.oauth2.core.oidc.user.OidcUser;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.security.web.util.matcher.AntPathRequestMatcher;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** A website where people log in, with Spring Security's OAuth 2.0 client. README.md of interop says what it does. */
@SpringBootApplication
public class Party {
  static final String NAME = "postern"; // of the registration

  public static void main(String[] arguments) {
    SpringApplication.run(Party.class, arguments);
  }

  @EventListener
  void listening(ServletWebServerInitializedEvent event) {
    System.out.println("listening on " + System.getenv("URL"));
  }

  @Bean
  SecurityFilterChain security(HttpSecurity http, ClientRegistrationRepository registrations) throws Exception {
    var resolver = new DefaultOAuth2AuthorizationRequestResolver(registrations, "/oauth2/authorization");
    if ("true".equals(System.getenv("PKCE"))) {
      resolver.setAuthorizationRequestCustomizer(OAuth2AuthorizationRequestCustomizers.withPkce());
    }
    var goodbye = new OidcClientInitiatedLogoutSuccessHandler(registrations);
    goodbye.setPostLogoutRedirectUri("{baseUrl}/goodbye");
    return http
        .authorizeHttpRequests(a -> a.requestMatchers("/login", "/goodbye", "/error").permitAll().anyRequest().authenticated())
        .oauth2Login(o -> o.loginPage("/login").loginProcessingUrl("/callback")
            .failureHandler((request, response, error) -> {
              response.setStatus(502);
              response.getWriter().print(error);
            })
            .authorizationEndpoint(e -> e.authorizationRequestResolver(resolver)).defaultSuccessUrl("/", true))
        .logout(l -> l.logoutRequestMatcher(new AntPathRequestMatcher("/logout", "GET")).logoutSuccessHandler(goodbye))
        .build();
  }

  /** Renews a token whenever it is asked, not only when the old one is about to expire. */
  @Bean
  OAuth2AuthorizedClientManager manager(ClientRegistrationRepository registrations, OAuth2AuthorizedClientRepository clients) {
    var manager = new DefaultOAuth2AuthorizedClientManager(registrations, clients);
    manager.setAuthorizedClientProvider(OAuth2AuthorizedClientProviderBuilder.builder()
        .refreshToken(r -> r.clock(Clock.offset(Clock.systemUTC(), Duration.ofDays(365)))).build());
    return manager;
  }

  @RestController
  record Pages(OAuth2AuthorizedClientManager manager, OAuth2AuthorizedClientService clients) {
    @GetMapping("/login")
    ResponseEntity<Void> login() {
      return ResponseEntity.status(302).location(URI.create("/oauth2/authorization/" + NAME)).build();
    }

    @GetMapping("/")
    Map<String, Object> who(OAuth2AuthenticationToken login) {
      return said(login, clients.loadAuthorizedClient(NAME, login.getName()));
    }

    @GetMapping("/renew")
    Map<String, Object> renew(OAuth2AuthenticationToken login, HttpServletRequest request, HttpServletResponse response) {
      var renewed = manager.authorize(OAuth2AuthorizeRequest.withClientRegistrationId(NAME).principal(login)
          .attribute(HttpServletRequest.class.getName(), request).attribute(HttpServletResponse.class.getName(), response).build());
      return said(login, renewed);
    }

    @GetMapping("/goodbye")
    String goodbye() {
      return "goodbye";
    }

    private static Map<String, Object> said(OAuth2AuthenticationToken login, OAuth2AuthorizedClient client) {
      var user = (OidcUser) login.getPrincipal();
      return Map.of("claims", Map.of("sub", user.getSubject(), "name", user.getFullName()),
          "userinfo", user.getUserInfo().getClaims(), "access_token", client.getAccessToken().getTokenValue());
    }
  }
}
