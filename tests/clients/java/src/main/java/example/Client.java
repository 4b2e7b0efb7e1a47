package example;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import com.google.rpc.Status;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import sangam.v1.ConsentAsk;
import sangam.v1.Customer;
import sangam.v1.FetchDataRequest;
import sangam.v1.FetchDataResponse;
import sangam.v1.GetStatusRequest;
import sangam.v1.Journey;
import sangam.v1.JourneyServiceGrpc;
import sangam.v1.JourneyState;
import sangam.v1.Purpose;
import sangam.v1.StartJourneyRequest;
import sangam.v1.StartJourneyResponse;

/** Opens a journey, waits for its data, and counts accounts and transactions. */
public final class Client {
  private final JourneyServiceGrpc.JourneyServiceBlockingStub stub;

  private Client(ManagedChannel channel) {
    stub = JourneyServiceGrpc.newBlockingStub(channel);
  }

  /** Returns a stub whose next call has 30 seconds. */
  private JourneyServiceGrpc.JourneyServiceBlockingStub gateway() {
    return stub.withDeadlineAfter(30, TimeUnit.SECONDS);
  }

  /** Returns the machine-readable reason of a failed call. Programs never match the message text. */
  private static String reason(StatusRuntimeException error) throws InvalidProtocolBufferException {
    Status status = StatusProto.fromThrowable(error);
    for (Any detail : status.getDetailsList()) {
      if (detail.is(ErrorInfo.class)) {
        return detail.unpack(ErrorInfo.class).getReason();
      }
    }
    return error.getStatus().getCode().name();
  }

  private void run() throws Exception {
    // A repeated call with the same UUID returns the same journey and asks the customer only once.
    StartJourneyResponse started =
        gateway()
            .startJourney(
                StartJourneyRequest.newBuilder()
                    .setRequestId(UUID.randomUUID().toString())
                    .setProvider("finpass")
                    .setCustomer(Customer.newBuilder().setMobile("9000000001").setPan("AAAPA0001A"))
                    .addConsents(ConsentAsk.newBuilder().setPurpose(Purpose.PURPOSE_UNDERWRITING))
                    .setRedirectUrl("https://lender.example/return")
                    .build());
    System.out.println("open " + started.getCustomerUrl());

    GetStatusRequest statusRequest = GetStatusRequest.newBuilder().setJourneyId(started.getJourneyId()).build();
    Journey journey = gateway().getStatus(statusRequest).getJourney();
    while (journey.getState() != JourneyState.JOURNEY_STATE_READY && !journey.getSettled()) {
      TimeUnit.SECONDS.sleep(1);
      journey = gateway().getStatus(statusRequest).getJourney();
    }
    System.out.println(journey.getState().name().replace("JOURNEY_STATE_", ""));

    int accounts = 0;
    int transactions = 0;
    FetchDataRequest.Builder page = FetchDataRequest.newBuilder().setJourneyId(started.getJourneyId());
    do {
      FetchDataResponse data = gateway().fetchData(page.build());
      accounts += data.getAccountsCount();
      transactions += data.getTransactionsCount();
      page.setPageToken(data.getNextPageToken());
    } while (!page.getPageToken().isEmpty());
    System.out.println("accounts " + accounts);
    System.out.println("transactions " + transactions);

    try {
      gateway().getStatus(GetStatusRequest.newBuilder().setJourneyId("jrn_unknown").build());
    } catch (StatusRuntimeException error) {
      System.out.println(reason(error));
    }
  }

  public static void main(String[] args) throws Exception {
    ManagedChannel channel = Grpc.newChannelBuilder(args[0], InsecureChannelCredentials.create()).build();
    try {
      new Client(channel).run();
    } finally {
      channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
    }
  }
}
