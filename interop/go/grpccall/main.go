// Command grpccall calls grpcapi once and prints, as JSON, the status, the header "client" and the trailer
// "www-authenticate". Arguments: the address and, if any, values of the metadata "authorization".
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

func main() {
	connection, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for _, value := range os.Args[2:] {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", value)
	}
	var header, trailer metadata.MD
	_, err = grpc_health_v1.NewHealthClient(connection).Check(ctx, &grpc_health_v1.HealthCheckRequest{}, grpc.Header(&header), grpc.Trailer(&trailer))
	json.NewEncoder(os.Stdout).Encode(map[string]any{
		"status":    status.Code(err).String(),
		"client":    header.Get("client"),
		"challenge": trailer.Get("www-authenticate"),
	})
}
