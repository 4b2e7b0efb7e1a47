"""Opens a journey, waits for its data, and counts accounts and transactions."""

import sys
import time
import uuid

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from sangam.v1 import journey_pb2, journey_service_pb2, journey_service_pb2_grpc


def reason(error: grpc.RpcError) -> str:
    """Returns the machine-readable reason of a failed call. Programs never match the message text."""
    status = rpc_status.from_call(error)
    info = error_details_pb2.ErrorInfo()
    for detail in status.details if status else []:
        if detail.Unpack(info):
            return info.reason
    return error.code().name


def main(address: str) -> None:
    gateway = journey_service_pb2_grpc.JourneyServiceStub(grpc.insecure_channel(address))

    # A repeated call with the same UUID returns the same journey and asks the customer only once.
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

    status_request = journey_service_pb2.GetStatusRequest(journey_id=started.journey_id)
    journey = gateway.GetStatus(status_request, timeout=30).journey
    while journey.state != journey_pb2.JOURNEY_STATE_READY and not journey.settled:
        time.sleep(1)
        journey = gateway.GetStatus(status_request, timeout=30).journey
    print(journey_pb2.JourneyState.Name(journey.state).removeprefix("JOURNEY_STATE_"))

    accounts = transactions = 0
    page = journey_service_pb2.FetchDataRequest(journey_id=started.journey_id)
    while True:
        data = gateway.FetchData(page, timeout=30)
        accounts += len(data.accounts)
        transactions += len(data.transactions)
        if not data.next_page_token:
            break
        page.page_token = data.next_page_token
    print("accounts", accounts)
    print("transactions", transactions)

    try:
        gateway.GetStatus(journey_service_pb2.GetStatusRequest(journey_id="jrn_unknown"), timeout=30)
    except grpc.RpcError as error:
        print(reason(error))


if __name__ == "__main__":
    main(sys.argv[1])
