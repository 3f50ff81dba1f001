package postern_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/postern-auth/postern"
)

func TestWithToken(t *testing.T) {
	type key struct{}
	outer := context.WithValue(t.Context(), key{}, "kept")
	alice := postern.NewToken(postern.TokenData{Subject: "alice"})
	ctx := postern.WithToken(outer, alice)
	if token, ok := postern.TokenFrom(ctx); !ok || token != alice || ctx.Value(key{}) != "kept" {
		t.Errorf("token %v, %v, other value %v", token, ok, ctx.Value(key{}))
	}
	if token, ok := postern.TokenFrom(outer); ok || token != nil {
		t.Errorf("the context it is made of has token %v, %v", token, ok)
	}
	bob := postern.NewToken(postern.TokenData{Subject: "bob"})
	if token, _ := postern.TokenFrom(postern.WithToken(ctx, bob)); token != bob {
		t.Errorf("of two tokens the outer is found: %s", token.Subject())
	}
}

// TestFrameworksThatCopyContextsFindTheToken copies a context as Fiber's adaptor does: it walks the structs
// of the context package and takes what is in their fields key and val.
func TestFrameworksThatCopyContextsFindTheToken(t *testing.T) {
	copied := context.Background()
	var walk func(ctx any)
	walk = func(ctx any) {
		if reflect.TypeOf(ctx).Kind() != reflect.Pointer {
			return // the context at the root
		}
		value := reflect.ValueOf(ctx).Elem()
		var key any
		for i := range value.NumField() {
			field := reflect.NewAt(value.Field(i).Type(), unsafe.Pointer(value.Field(i).UnsafeAddr())).Elem()
			switch value.Type().Field(i).Name {
			case "Context":
				walk(field.Interface())
			case "key":
				key = field.Interface()
			case "val":
				copied = context.WithValue(copied, key, field.Interface())
			}
		}
	}
	guard := &postern.Guard{Verifier: &accepting{data: postern.TokenData{Subject: "alice"}}}
	guard.Require()(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		walk(r.Context())
	})).ServeHTTP(httptest.NewRecorder(), withHeader(bearer...))
	if token, ok := postern.TokenFrom(copied); !ok || token.Subject() != "alice" {
		t.Errorf("the copy has token %v, %v", token, ok)
	}
}

func TestTheMiddlewareCostsTwoAllocations(t *testing.T) {
	token := postern.NewToken(postern.TokenData{})
	guard := &postern.Guard{Verifier: postern.VerifierFunc(func(context.Context, string) (*postern.Token, error) { return token, nil })}
	handler := guard.Require()(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	w, r := httptest.NewRecorder(), withHeader(bearer...)
	if got := testing.AllocsPerRun(100, func() { handler.ServeHTTP(w, r) }); got > 2 {
		t.Errorf("%.0f allocations a request, want at most 2: the context and the request that has it", got)
	}
	check := func() { guard.Check(r) }
	if got := testing.AllocsPerRun(100, check); got > 0 {
		t.Errorf("Check: %.0f allocations, want none", got)
	}
}

func TestFindingL4_UntilEndsWithTheToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		token := postern.NewToken(postern.TokenData{Expiry: time.Now().Add(time.Minute)})
		ctx, cancel := postern.Until(postern.WithToken(context.Background(), token))
		defer cancel()
		time.Sleep(time.Minute - time.Nanosecond)
		synctest.Wait()
		if ctx.Err() != nil {
			t.Fatalf("over before exp: %v", context.Cause(ctx))
		}
		<-ctx.Done()
		if !time.Now().Equal(token.Expiry()) || !errors.Is(context.Cause(ctx), postern.ErrExpired) {
			t.Errorf("over at %s for %v, want exp %s and ErrExpired", time.Now(), context.Cause(ctx), token.Expiry())
		}
		if kept, _ := postern.TokenFrom(ctx); kept != token {
			t.Error("the token is not in the context")
		}
	})
}

func TestUntilWithoutAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, outer := range map[string]context.Context{
			"no token": context.Background(),
			"no exp":   postern.WithToken(context.Background(), postern.NewToken(postern.TokenData{})),
		} {
			outer, end := context.WithCancel(outer)
			ctx, cancel := postern.Until(outer)
			time.Sleep(1000 * time.Hour)
			if ctx.Err() != nil {
				t.Errorf("%s: %v", name, context.Cause(ctx))
			}
			end()
			if ctx.Err() != context.Canceled {
				t.Errorf("%s: does not end with the context it is made of", name)
			}
			cancel()
		}
		past := postern.NewToken(postern.TokenData{Expiry: time.Now().Add(-time.Second)})
		ctx, cancel := postern.Until(postern.WithToken(context.Background(), past))
		defer cancel()
		if !errors.Is(context.Cause(ctx), postern.ErrExpired) {
			t.Errorf("a token that ended already: %v", context.Cause(ctx))
		}
	})
}
