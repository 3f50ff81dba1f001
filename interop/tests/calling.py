"""Requests to the APIs under test."""

import requests


def get(url, token=None, authorization=None):
    headers = {}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    if authorization is not None:
        headers["Authorization"] = authorization
    return requests.get(url, headers=headers, timeout=20)


def statuses(base, paths, token=None):
    return [get(base + path, token).status_code for path in paths]
