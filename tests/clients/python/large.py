"""Reads an account of more than 100,000 transactions in pages and as a stream, with grpcio's default limits, and compares both."""

import hashlib
import sys
import time
import uuid

import grpc

from sangam.v1 import journey_pb2, journey_service_pb2, journey_service_pb2_grpc

MANY = 100_000


class Seen:
    """Counts of one transfer, and a hash over every account and transaction in their order."""

    def __init__(self) -> None:
        self.accounts = self.transactions = self.messages = self.largest = 0
        self._accounts, self._transactions = hashlib.sha256(), hashlib.sha256()

    def add(self, data: journey_service_pb2.FetchDataResponse, size: int) -> None:
        for account in data.accounts:
            self._accounts.update(account.SerializeToString(deterministic=True))
            self.largest = max(self.largest, account.transaction_count)
        for transaction in data.transactions:
            self._transactions.update(transaction.SerializeToString(deterministic=True))
        self.accounts += len(data.accounts)
        self.transactions += len(data.transactions)
        self.messages += 1
        must(size <= 4 * 1024 * 1024, "a message is larger than grpcio takes")

    def sha256(self) -> str:
        return hashlib.sha256(self._accounts.digest() + self._transactions.digest()).hexdigest()


def must(holds: bool, otherwise: str) -> None:
    if not holds:
        sys.exit(otherwise)


def pages(gateway: journey_service_pb2_grpc.JourneyServiceStub, journey_id: str) -> Seen:
    seen = Seen()
    request = journey_service_pb2.FetchDataRequest(journey_id=journey_id, view=journey_service_pb2.VIEW_FULL)
    while True:
        page = gateway.FetchData(request, timeout=120)
        seen.add(page, page.ByteSize())
        if not page.next_page_token:
            return seen
        request.page_token = page.next_page_token


def stream(gateway: journey_service_pb2_grpc.JourneyServiceStub, journey_id: str) -> Seen:
    seen, manifest, trailer = Seen(), None, None
    payload_bytes, sha256 = 0, hashlib.sha256()
    request = journey_service_pb2.StreamDataRequest(journey_id=journey_id, view=journey_service_pb2.VIEW_FULL)
    for message in gateway.StreamData(request, timeout=120):
        must(trailer is None, "something follows the trailer")
        match message.WhichOneof("part"):
            case "manifest":
                manifest = message.manifest
            case "payload":
                sha256.update(message.payload)
                payload_bytes += len(message.payload)
                seen.add(journey_service_pb2.FetchDataResponse.FromString(message.payload), message.ByteSize())
            case "trailer":
                trailer = message.trailer
    must(manifest is not None and trailer is not None, "the stream is broken off")
    must(trailer.sha256 == sha256.digest(), "the trailer's SHA-256 is another one")
    counts = (seen.accounts, seen.transactions, payload_bytes)
    for part in (manifest, trailer):
        must((part.account_count, part.transaction_count, part.payload_bytes) == counts, "the counts are other ones")
    return seen


def main(address: str) -> None:
    # No options: a message may have 4 MiB.
    gateway = journey_service_pb2_grpc.JourneyServiceStub(grpc.insecure_channel(address))
    started = gateway.StartJourney(
        journey_service_pb2.StartJourneyRequest(
            request_id=str(uuid.uuid4()),
            provider="finpro",
            credential="consent",
            customer={"mobile": "9000000045", "pan": "AAAPA0045A"},
            consents=[{"purpose": journey_pb2.PURPOSE_UNDERWRITING}],
            redirect_url="https://lender.example/return",
        ),
        timeout=30,
    )
    print("open", started.customer_url, flush=True)

    status_request = journey_service_pb2.GetStatusRequest(journey_id=started.journey_id)
    journey = gateway.GetStatus(status_request, timeout=30).journey
    while journey.state != journey_pb2.JOURNEY_STATE_READY and not journey.settled:
        time.sleep(1)
        journey = gateway.GetStatus(status_request, timeout=30).journey
    print(journey_pb2.JourneyState.Name(journey.state).removeprefix("JOURNEY_STATE_"))

    paged = pages(gateway, started.journey_id)
    streamed = stream(gateway, started.journey_id)
    must(paged.largest >= MANY, f"the largest account has only {paged.largest} transactions")
    must((paged.accounts, paged.transactions) == (streamed.accounts, streamed.transactions), "the stream has other counts")
    must(paged.sha256() == streamed.sha256(), "the stream has other rows")
    must(paged.messages > 1 and streamed.messages > 1, "it came in one piece")
    print("accounts", paged.accounts)
    print("transactions", paged.transactions)
    print("pages", paged.messages)
    print("payloads", streamed.messages)
    print("equal", paged.sha256())


if __name__ == "__main__":
    main(sys.argv[1])
