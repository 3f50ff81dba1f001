"""The MCP SDK for Python as a service: it goes to an MCP server without a token, finds out where to get one,
gets it, and calls the tool whoami twice. It prints the answers, or the error, as JSON.

Its argument is a JSON file: {"url", "issuer", "id", and "secret" or "key", a private key in PEM}.
"""

import asyncio
import json
import sys

import httpx2
from mcp import ClientSession
from mcp.client.auth.extensions.client_credentials import (
    ClientCredentialsOAuthProvider,
    PrivateKeyJWTOAuthProvider,
    SignedJWTParameters,
)
from mcp.client.streamable_http import streamable_http_client


class Storage:
    """What a client remembers, for as long as it runs."""

    tokens = client_info = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client_info

    async def set_client_info(self, client_info):
        self.client_info = client_info


def provider(given):
    common = {"server_url": given["url"], "storage": Storage(), "client_id": given["id"], "issuer": given["issuer"]}
    if "key" not in given:
        return ClientCredentialsOAuthProvider(client_secret=given["secret"], **common)
    assertions = SignedJWTParameters(issuer=given["id"], subject=given["id"], signing_key=given["key"])
    return PrivateKeyJWTOAuthProvider(assertion_provider=assertions.create_assertion_provider(), **common)


async def main(given):
    async with (
        httpx2.AsyncClient(auth=provider(given), timeout=20) as client,
        streamable_http_client(given["url"], http_client=client) as streams,
        ClientSession(streams[0], streams[1]) as session,
    ):
        await session.initialize()
        return [(await session.call_tool("whoami")).structured_content for _ in range(2)]


def causes(error):
    """The errors that a group of tasks has ended with."""
    return [cause for e in error.exceptions for cause in causes(e)] if isinstance(error, BaseExceptionGroup) else [error]


with open(sys.argv[1]) as file:
    arguments = json.load(file)
try:
    print(json.dumps({"calls": asyncio.run(main(arguments))}))
except Exception as error:
    print(json.dumps({"error": "; ".join(f"{type(e).__name__}: {e}" for e in causes(error))}))
