const { target, message } = JSON.parse(document.getElementById('message').textContent);
(window.opener || window.parent).postMessage(message, target);
