// In the place of Google Cloud Logging, which nobody can run: a server of its published interface (google.logging.v2.LoggingServiceV2) that
// writes down each entry as a line of JSON. Usage: cloud-logging PORT FILE
package main

import (
	"context"
	"log"
	"net"
	"os"
	"sync"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
)

type server struct {
	loggingpb.UnimplementedLoggingServiceV2Server
	lock sync.Mutex
	file *os.File
}

// WriteLogEntries fills in what stands in the request for all entries, as the interface has it.
func (s *server) WriteLogEntries(_ context.Context, request *loggingpb.WriteLogEntriesRequest) (*loggingpb.WriteLogEntriesResponse, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	for _, entry := range request.Entries {
		if entry.LogName == "" {
			entry.LogName = request.LogName
		}
		if entry.Resource == nil {
			entry.Resource = request.Resource
		}
		line, err := protojson.Marshal(entry)
		if err != nil {
			return nil, err
		}
		if _, err := s.file.Write(append(line, '\n')); err != nil {
			return nil, err
		}
	}
	return &loggingpb.WriteLogEntriesResponse{}, nil
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: cloud-logging PORT FILE")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	file, err := os.OpenFile(os.Args[2], os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		log.Fatal(err)
	}
	grpcServer := grpc.NewServer()
	loggingpb.RegisterLoggingServiceV2Server(grpcServer, &server{file: file})
	log.Fatal(grpcServer.Serve(listener))
}
