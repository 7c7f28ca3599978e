package server

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"
)

// servePublicKeys is web3signer's list: 64 bytes each, without the prefix 04.
func (s *Server) servePublicKeys(_ context.Context, w http.ResponseWriter, _ *http.Request, by *client) error {
	keys := []string{}
	for _, k := range by.keys {
		if k.Type == typeEVM {
			keys = append(keys, "0x"+strings.TrimPrefix(k.Uncompressed, "04"))
		}
	}
	s.observe(by, "eth1_publicKeys", time.Now(), nil)
	writeJSON(w, http.StatusOK, keys)
	return nil
}

// serveWeb3Sign is web3signer's signature over the hash of data, which is a preimage
// that the engine decodes and judges.
func (s *Server) serveWeb3Sign(ctx context.Context, w http.ResponseWriter, r *http.Request, by *client) error {
	began := time.Now()
	signature, err := s.web3Sign(ctx, w, r, by)
	s.observe(by, "eth1_sign", began, err)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, signature)
	return nil
}

func (s *Server) web3Sign(ctx context.Context, w http.ResponseWriter, r *http.Request, by *client) (string, error) {
	var body struct {
		Data string `json:"data"`
	}
	if err := readJSON(ctx, w, r, &body); err != nil {
		return "", err
	}
	public := strings.ToLower(strings.TrimPrefix(r.PathValue("key"), "0x"))
	for i, k := range by.keys {
		if k.Type == typeEVM && (k.Uncompressed == public || strings.TrimPrefix(k.Uncompressed, "04") == public) {
			result, err := s.sign(ctx, by, &by.keys[i], signPreimage, body.Data)
			if err != nil {
				return "", err
			}
			return result.Signature, nil
		}
	}
	return "", by.noKey("that public key")
}
