module github.com/banhbaoring/banhbaoring/secp256k1/oracle/cosmos

go 1.26.5

require (
	cosmossdk.io/api v1.1.0
	github.com/banhbaoring/banhbaoring/secp256k1 v0.0.0
	github.com/cosmos/cosmos-sdk v0.55.0
	google.golang.org/protobuf v1.36.11
)

require (
	cosmossdk.io/core v1.1.0 // indirect
	github.com/cosmos/cosmos-proto v1.0.0-beta.5 // indirect
	github.com/cosmos/gogoproto v1.7.2 // indirect
	github.com/google/go-cmp v0.7.0 // indirect
	golang.org/x/net v0.60.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	google.golang.org/genproto/googleapis/api v0.0.0-20260526163538-3dc84a4a5aaa // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260526163538-3dc84a4a5aaa // indirect
	google.golang.org/grpc v1.82.1 // indirect
)

replace github.com/banhbaoring/banhbaoring/secp256k1 => ../../
