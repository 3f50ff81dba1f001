// Command fiberv3 is an API written for Fiber v3: Guard's middleware through Fiber's own adaptor.
package main

import (
	"log"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/adaptor"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/interop/go/serving"
)

func main() {
	guard := serving.Guard()
	app := fiber.New()
	app.Get("/private", adaptor.HTTPMiddleware(guard.Require()), whoami)
	app.Get("/private-scoped", adaptor.HTTPMiddleware(guard.Require(serving.Scope())), whoami)
	app.Get("/optional", adaptor.HTTPMiddleware(guard.Optional()), whoami)
	log.Fatal(app.Listener(serving.Listen("http://"), fiber.ListenConfig{DisableStartupMessage: true}))
}

func whoami(c fiber.Ctx) error {
	token, ok := postern.TokenFrom(c)
	if !ok {
		return c.SendString("a stranger")
	}
	return c.SendString(token.ClientID())
}
