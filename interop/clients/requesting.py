"""What the token generators have in common: what they ask for, and what they print."""

import os

import requests
from dotenv import load_dotenv

load_dotenv(".env")

SCOPE = f"openid profile email urn:zitadel:iam:org:project:id:{os.environ['PROJECT_ID']}:aud read:messages"


def request_token(form, headers):
    """Print the token, or what went wrong: an answer other than 200 is no failure of the program."""
    answer = requests.post(os.environ["ZITADEL_TOKEN_URL"], data=form, headers=headers)
    if answer.status_code != 200:
        print(f"Error: {answer.status_code} - {answer.text}")
        return
    token = answer.json()
    print(f"Response: {token}")
    print(f"Access token: {token['access_token']}")
