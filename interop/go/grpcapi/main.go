// Command grpcapi is an API over gRPC: an interceptor of twenty lines over Guard.Check. Its service is the
// standard health service, which answers with the caller's client id as the header "client".
package main

import (
	"context"
	"log"
	"net/http"
	"net/url"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/interop/go/serving"
)

func main() {
	server := grpc.NewServer(grpc.UnaryInterceptor(intercept(serving.Guard(), serving.Scope())))
	grpc_health_v1.RegisterHealthServer(server, health{})
	log.Fatal(server.Serve(serving.Listen("")))
}

// intercept lets calls through with a good access token that satisfies the requirements.
func intercept(guard *postern.Guard, requirements ...postern.Requirement) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		r := (&http.Request{Method: http.MethodPost, URL: &url.URL{Path: info.FullMethod}, Header: make(http.Header)}).WithContext(ctx)
		for _, value := range metadata.ValueFromIncomingContext(ctx, "authorization") {
			r.Header.Add("Authorization", value)
		}
		decision, err := guard.Check(r, requirements...)
		if err == nil {
			return handler(postern.WithToken(ctx, decision.Token), req)
		}
		refusal := guard.Refusal(err)
		for _, challenge := range refusal.Header["Www-Authenticate"] {
			grpc.SetTrailer(ctx, metadata.Pairs("www-authenticate", challenge))
		}
		return nil, status.Error(code[refusal.Status], http.StatusText(refusal.Status))
	}
}

var code = map[int]codes.Code{
	http.StatusBadRequest:         codes.InvalidArgument,
	http.StatusUnauthorized:       codes.Unauthenticated,
	http.StatusForbidden:          codes.PermissionDenied,
	http.StatusServiceUnavailable: codes.Unavailable,
}

type health struct {
	grpc_health_v1.UnimplementedHealthServer
}

func (health) Check(ctx context.Context, _ *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	token, ok := postern.TokenFrom(ctx)
	if !ok {
		return nil, status.Error(codes.Internal, "no token in the context of a call that was let through")
	}
	if err := grpc.SetHeader(ctx, metadata.Pairs("client", token.ClientID())); err != nil {
		return nil, err
	}
	return &grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_SERVING}, nil
}
