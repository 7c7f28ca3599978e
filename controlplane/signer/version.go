package signer

// Version is that of the signer. A build may set it.
var Version = "0.1.0"
