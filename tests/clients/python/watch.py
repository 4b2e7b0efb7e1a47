"""Opens a journey, follows its changes until nothing more is expected, and continues after a lost stream."""

import sys
import time
import uuid

import grpc

from sangam.v1 import journey_pb2, journey_service_pb2, journey_service_pb2_grpc, watch_pb2


def follow(gateway: journey_service_pb2_grpc.JourneyServiceStub, journey_id: str) -> None:
    """Prints the state after each change. A lost stream continues after the last message."""
    last = None
    while True:
        request = watch_pb2.WatchStatusRequest(journey_id=journey_id, after_sequence=last)
        try:
            for message in gateway.WatchStatus(request):
                if message.HasField("heartbeat"):
                    continue
                journey = (message.change if message.HasField("change") else message.snapshot).journey
                last = journey.sequence
                print(journey_pb2.JourneyState.Name(journey.state).removeprefix("JOURNEY_STATE_"), flush=True)
            return
        except grpc.RpcError as error:
            if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED):
                raise
            time.sleep(1)


def main(address: str) -> None:
    gateway = journey_service_pb2_grpc.JourneyServiceStub(grpc.insecure_channel(address))
    started = gateway.StartJourney(
        journey_service_pb2.StartJourneyRequest(
            request_id=str(uuid.uuid4()),
            provider="finpass",
            customer={"mobile": "9000000001", "pan": "AAAPA0001A"},
            consents=[{"purpose": journey_pb2.PURPOSE_UNDERWRITING}],
            redirect_url="https://lender.example/return",
        ),
        timeout=30,
    )
    print("open", started.customer_url, flush=True)
    follow(gateway, started.journey_id)


if __name__ == "__main__":
    main(sys.argv[1])
