import sys, uuid, grpc
from sangam.v1 import journey_pb2, journey_service_pb2 as api, journey_service_pb2_grpc, watch_pb2

gateway = journey_service_pb2_grpc.JourneyServiceStub(grpc.insecure_channel(sys.argv[1]))
started = gateway.StartJourney(api.StartJourneyRequest(
    request_id=str(uuid.uuid4()), provider="finpass", redirect_url="https://lender.example/return",
    customer={"mobile": "9000000001", "pan": "AAAPA0001A"}, consents=[{"purpose": journey_pb2.PURPOSE_UNDERWRITING}]))
print("open", started.customer_url, flush=True)
for change in gateway.WatchStatus(watch_pb2.WatchStatusRequest(journey_id=started.journey_id)):
    pass  # The stream ends when nothing more is expected.
data = gateway.FetchData(api.FetchDataRequest(journey_id=started.journey_id))
print("accounts", len(data.accounts))
