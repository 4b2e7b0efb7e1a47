// Opens a journey, waits for its data, and counts accounts and transactions.
const { randomUUID } = require("node:crypto");
const { setTimeout: sleep } = require("node:timers/promises");
const { promisify } = require("node:util");
const grpc = require("@grpc/grpc-js");
const protoLoader = require("@grpc/proto-loader");
const protobuf = require("protobufjs");

// The parts of google/rpc/status.proto and google/rpc/error_details.proto that a reason needs.
const rpc = protobuf.parse(`
  syntax = "proto3";
  message Any { string type_url = 1; bytes value = 2; }
  message Status { repeated Any details = 3; }
  message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
`).root;

// Returns the machine-readable reason of a failed call. Programs never match the message text.
function reason(error) {
  for (const bytes of error.metadata?.get("grpc-status-details-bin") ?? []) {
    for (const detail of rpc.lookupType("Status").decode(bytes).details) {
      if (detail.typeUrl.endsWith("google.rpc.ErrorInfo")) {
        return rpc.lookupType("ErrorInfo").decode(detail.value).reason;
      }
    }
  }
  return grpc.status[error.code] ?? String(error);
}

async function main(address, protoDir) {
  const contract = protoLoader.loadSync("sangam/v1/journey_service.proto", {
    includeDirs: [protoDir],
    enums: String,
    longs: String,
    defaults: true,
    arrays: true,
  });
  const { JourneyService } = grpc.loadPackageDefinition(contract).sangam.v1;
  const gateway = new JourneyService(address, grpc.credentials.createInsecure());
  const call = (name, request) =>
    promisify(gateway[name].bind(gateway))(request, new grpc.Metadata(), { deadline: Date.now() + 30_000 });

  // A repeated call with the same UUID returns the same journey and asks the customer only once.
  const { journeyId, customerUrl } = await call("startJourney", {
    requestId: randomUUID(),
    provider: "finpass",
    customer: { mobile: "9000000001", pan: "AAAPA0001A" },
    consents: [{ purpose: "PURPOSE_UNDERWRITING" }],
    redirectUrl: "https://lender.example/return",
  });
  console.log("open", customerUrl);

  let { journey } = await call("getStatus", { journeyId });
  while (journey.state !== "JOURNEY_STATE_READY" && !journey.settled) {
    await sleep(1000);
    ({ journey } = await call("getStatus", { journeyId }));
  }
  console.log(journey.state.replace("JOURNEY_STATE_", ""));

  let accounts = 0;
  let transactions = 0;
  let pageToken = "";
  do {
    const page = await call("fetchData", { journeyId, pageToken });
    accounts += page.accounts.length;
    transactions += page.transactions.length;
    pageToken = page.nextPageToken;
  } while (pageToken);
  console.log("accounts", accounts);
  console.log("transactions", transactions);

  await call("getStatus", { journeyId: "jrn_unknown" }).catch((error) => console.log(reason(error)));
  gateway.close();
}

main(process.argv[2], process.argv[3]).catch((error) => {
  console.error(reason(error));
  process.exitCode = 1;
});
