package tenants

// Send is send, for tests of mail alone.
var Send = send
