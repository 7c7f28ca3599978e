package secp256k1

// Version is the engine's version. OpenBao sees it as v<Version>, and refuses a
// registration under another one. A build may set another one, with the linker's -X.
var Version = "1.1.0"
