// @auth0/auth0-angular: its guard, its interceptor, and its service in standalone components.
import 'zone.js';
import '@angular/compiler'; // the components are compiled in the browser
import { AsyncPipe, JsonPipe } from '@angular/common';
import { HTTP_INTERCEPTORS, HttpClient, HttpErrorResponse, provideHttpClient, withInterceptorsFromDi } from '@angular/common/http';
import { Component, importProvidersFrom, inject } from '@angular/core';
import { bootstrapApplication } from '@angular/platform-browser';
import { ActivatedRoute, provideRouter, RouterLink, RouterOutlet } from '@angular/router';
import { AuthGuard, AuthHttpInterceptor, AuthModule, AuthService } from '@auth0/auth0-angular';
import { catchError, of } from 'rxjs';

const { domain, clientId, audience, callback, api } = (window as any).configuration;

@Component({
  selector: 'app-home',
  template: `<h1>Home</h1>`,
})
class Home {}

@Component({
  selector: 'app-callback',
  imports: [AsyncPipe],
  template: `@if (auth.error$ | async; as error) { <pre>{{ error.message }}</pre> }`,
})
class Callback {
  auth = inject(AuthService);
}

@Component({
  selector: 'app-profile',
  imports: [AsyncPipe, JsonPipe],
  template: `@if (auth.user$ | async; as user) { <img [src]="user.picture" alt=""><pre>{{ user | json }}</pre> }`,
})
class Profile {
  auth = inject(AuthService);
}

@Component({
  selector: 'app-message',
  imports: [AsyncPipe],
  template: `<pre>{{ text$ | async }}</pre>`,
})
class Message {
  text$ = inject(HttpClient).get(`${api}/api/messages/${inject(ActivatedRoute).snapshot.url[0].path}`, {
    headers: { 'content-type': 'application/json' }, responseType: 'text',
  }).pipe(catchError((error) => of(error instanceof HttpErrorResponse ? error.error : String(error))));
}

@Component({
  selector: 'app-root',
  imports: [AsyncPipe, RouterLink, RouterOutlet],
  template: `
    <nav>
      @for (page of ['public', 'profile', 'protected', 'admin']; track page) { <a [routerLink]="'/' + page">{{ page }}</a> }
      @if (auth.isAuthenticated$ | async) {
        <button (click)="logOut()">Log Out</button>
      } @else {
        <button (click)="leave({ prompt: 'login' })">Log In</button>
        <button (click)="leave({ screen_hint: 'signup' })">Sign Up</button>
      }
    </nav>
    <main><router-outlet /></main>`,
})
class Application {
  auth = inject(AuthService);
  leave(authorizationParams: object) {
    this.auth.loginWithRedirect({ appState: { target: '/profile' }, authorizationParams });
  }
  logOut() {
    this.auth.logout({ logoutParams: { returnTo: window.location.origin } });
  }
}

document.getElementById('root')!.replaceWith(document.createElement('app-root'));
bootstrapApplication(Application, {
  providers: [
    provideRouter([
      { path: '', component: Home },
      { path: 'callback', component: Callback },
      { path: 'public', component: Message },
      { path: 'profile', component: Profile, canActivate: [AuthGuard] },
      { path: 'protected', component: Message, canActivate: [AuthGuard] },
      { path: 'admin', component: Message, canActivate: [AuthGuard] },
    ]),
    provideHttpClient(withInterceptorsFromDi()),
    { provide: HTTP_INTERCEPTORS, useClass: AuthHttpInterceptor, multi: true },
    importProvidersFrom(AuthModule.forRoot({
      domain, clientId, authorizationParams: { audience, redirect_uri: callback },
      httpInterceptor: { allowedList: [`${api}/api/messages/protected`, `${api}/api/messages/admin`] },
    })),
  ],
});
