package store

import (
	"context"
	"testing"
	"time"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
)

// What is asked is the endpoint that is given, where Amazon has several for one bucket.
func TestTheEndpointIsTheOneThatIsGiven(t *testing.T) {
	for endpoint, want := range map[string]string{
		"":                                    "abc.s3.dualstack.eu-west-1.amazonaws.com",
		"https://s3-accelerate.amazonaws.com": "abc.s3-accelerate.amazonaws.com",
		"https://s3-accelerate.dualstack.amazonaws.com": "abc.s3-accelerate.dualstack.amazonaws.com",
		"https://s3.example.com:9000":                   "s3.example.com:9000",
	} {
		s, err := openS3(v1.S3{Bucket: "abc", Region: "eu-west-1", Endpoint: endpoint}, Credentials{AccessKeyID: "a", SecretAccessKey: "b"}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		u, err := s.(*bucketStore).client.PresignedGetObject(context.Background(), "abc", "object", time.Hour, nil)
		if err != nil || u.Host != want {
			t.Errorf("%s: asks %v (%v), want %s", endpoint, u, err, want)
		}
	}
}
