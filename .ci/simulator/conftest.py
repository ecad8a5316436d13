"""The simulator as a process, and its control API."""

import os
import subprocess

import pytest
import requests


class Simulator:
    """A running simulator, its API and its control API."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [os.environ["SIMULATOR"], "--until-eof", "--seed", "7", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        lines = [self.process.stdout.readline().strip() for _ in range(2)]
        self.key, self.url = [line.partition("=")[2] for line in lines]

    def stop(self):
        """Stops the process and returns its log."""
        _, log = self.process.communicate(timeout=20)
        return log

    def control(self, method, path, body=None, status=200):
        response = requests.request(method, f"{self.url}/_simulator/{path}", json=body, timeout=20)
        assert response.status_code == status, response.text
        return response.json()

    def script(self, route, *rules):
        self.control("PUT", f"scripts/{route}", list(rules))

    def first(self, route, fault):
        """Injects a fault into the first request."""
        self.script(route, {"select": {"nth": [1, fault]}})

    def outcome(self, **outcome):
        self.control("PUT", "outcomes", [{"select": {"always": outcome}}])

    def counts(self):
        return self.control("GET", "counts")

    def received(self):
        return self.control("GET", "received")

    def post(self, operation, body, key=None, **arguments):
        arguments = {"timeout": 20} | arguments
        headers = {"authorization": key or self.key}
        return requests.post(f"{self.url}/async/speech/{operation}", json=body, headers=headers, **arguments)

    def create(self, text="Hello from Python.", **parameters):
        return self.post("create", {"model": "Chatterbox", "input": text} | parameters)

    def submit(self, text="Hello from Python.", **parameters):
        response = self.create(text, **parameters)
        assert response.status_code == 200, response.text
        return response.json()["id"]

    def poll(self, task):
        return self.post("result", {"id": task})

    def audio_url(self, task):
        return self.poll(task).json()["results"][0]["url"]

    def download(self, task, **headers):
        return requests.get(self.audio_url(task), headers=headers, timeout=20)


@pytest.fixture(scope="session")
def process():
    simulator = Simulator("--wait", "0", "--run", "0")
    yield simulator
    simulator.stop()


@pytest.fixture
def simulator(process):
    process.control("POST", "reset")
    return process
