// Opens a journey, waits for its data, and counts accounts and transactions.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	sangam "sangam.example/client/gen/sangam/v1"
)

// reason returns the machine-readable reason of a failed call. Programs never match the message text.
func reason(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.Reason
		}
	}
	return status.Code(err).String()
}

func run(ctx context.Context, address string) error {
	// A page holds at most 3 MiB of rows, which fits gRPC's default limit of 4 MiB.
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	gateway := sangam.NewJourneyServiceClient(connection)

	// A repeated call with the same UUID returns the same journey and asks the customer only once.
	started, err := gateway.StartJourney(ctx, &sangam.StartJourneyRequest{
		RequestId:   uuid.NewString(),
		Provider:    "finpass",
		Customer:    &sangam.Customer{Mobile: "9000000001", Pan: "AAAPA0001A"},
		Consents:    []*sangam.ConsentAsk{{Purpose: sangam.Purpose_PURPOSE_UNDERWRITING}},
		RedirectUrl: "https://lender.example/return",
	})
	if err != nil {
		return fmt.Errorf("StartJourney: %s", reason(err))
	}
	fmt.Println("open", started.CustomerUrl)

	var journey *sangam.Journey
	for {
		answer, err := gateway.GetStatus(ctx, &sangam.GetStatusRequest{JourneyId: started.JourneyId})
		if err != nil {
			return fmt.Errorf("GetStatus: %s", reason(err))
		}
		journey = answer.Journey
		if journey.State == sangam.JourneyState_JOURNEY_STATE_READY || journey.Settled {
			break
		}
		time.Sleep(time.Second)
	}
	fmt.Println(strings.TrimPrefix(journey.State.String(), "JOURNEY_STATE_"))

	accounts, transactions := 0, 0
	page := &sangam.FetchDataRequest{JourneyId: started.JourneyId}
	for {
		data, err := gateway.FetchData(ctx, page)
		if err != nil {
			return fmt.Errorf("FetchData: %s", reason(err))
		}
		accounts += len(data.Accounts)
		transactions += len(data.Transactions)
		if data.NextPageToken == "" {
			break
		}
		page.PageToken = data.NextPageToken
	}
	fmt.Println("accounts", accounts)
	fmt.Println("transactions", transactions)

	_, err = gateway.GetStatus(ctx, &sangam.GetStatusRequest{JourneyId: "jrn_unknown"})
	fmt.Println(reason(err))
	return nil
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if err := run(ctx, os.Args[1]); err != nil {
		log.Fatal(err)
	}
}
