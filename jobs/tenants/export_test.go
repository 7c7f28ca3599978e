package tenants

// Send is send, and Dialer is dialer, for tests of mail alone.
var (
	Send   = send
	Dialer = dialer
)
