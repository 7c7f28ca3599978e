package database

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// patience is how long the other container may take to begin.
const patience = 2 * time.Minute

// answerLimit bounds what is read of an answer that is no dump, in bytes.
const answerLimit = 64 << 20

// Client asks for PostgreSQL's programs.
type Client struct{ http *http.Client }

// Open is a client on a socket, which need not be there yet.
func Open(socket string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		for {
			conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
			if err == nil {
				return conn, nil
			}
			select {
			case <-ctx.Done():
				return nil, fmt.Errorf("container %s does not answer: hint: look into its log: %w", "database", err)
			case <-time.After(200 * time.Millisecond):
			}
		}
	}
	return &Client{&http.Client{Transport: &http.Transport{DialContext: dial, DisableCompression: true}}}
}

// do sends a request. The caller closes the answer.
func (c *Client) do(ctx context.Context, method, path string, query url.Values, body io.Reader) (*http.Response, error) {
	u := url.URL{Scheme: "http", Host: "database", Path: path, RawQuery: query.Encode()}
	request, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, err
	}
	answer, err := c.http.Do(request)
	if failed := new(url.Error); errors.As(err, &failed) {
		return nil, failed.Err // which itself would count as the network's fault, whatever failed
	}
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		defer answer.Body.Close()
		var f fault
		if err := json.NewDecoder(io.LimitReader(answer.Body, answerLimit)).Decode(&f); err != nil {
			return nil, fmt.Errorf("the database's programs answer %s", answer.Status)
		}
		return nil, f.err()
	}
	return answer, nil
}

func (f fault) err() error {
	err := errors.New(f.Error)
	if f.Passes {
		return run.Later(err)
	}
	return err
}

func (c *Client) read(ctx context.Context, method, path string, query url.Values, body io.Reader, into any) error {
	answer, err := c.do(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	return json.NewDecoder(io.LimitReader(answer.Body, answerLimit)).Decode(into)
}

// Name is that of the database which the URL names.
func (c *Client) Name(ctx context.Context) (name string, err error) {
	err = c.read(ctx, http.MethodGet, pathName, nil, nil, &name)
	return name, err
}

// Loader is the role that loads dumps, which has fewer rights than the URL's user;
// empty where there is none.
func (c *Client) Loader(ctx context.Context) (name string, err error) {
	err = c.read(ctx, http.MethodGet, pathUser, nil, nil, &name)
	return name, err
}

// Dump writes a dump, in pg_dump's own format. What was written counts only when
// there is no error.
func (c *Client) Dump(ctx context.Context, w io.Writer) (Dumped, error) {
	answer, err := c.do(ctx, http.MethodPost, pathDump, nil, nil)
	if err == nil {
		defer answer.Body.Close()
		if _, err = io.Copy(w, answer.Body); err == nil {
			err = answer.Body.Close()
		}
	}
	var d Dumped
	if fault := c.read(ctx, http.MethodGet, pathDone, nil, nil, &d); fault != nil {
		return Dumped{}, errors.Join(err, fault)
	}
	if d.Error != "" {
		return Dumped{}, d.err()
	}
	return d, err
}

// Ask runs statements on a database, in one session, and returns the lines that
// they print.
func (c *Client) Ask(ctx context.Context, database string, statements ...string) ([]string, error) {
	text, err := json.Marshal(statements)
	if err != nil {
		return nil, err
	}
	var lines []string
	err = c.read(ctx, http.MethodPost, pathAsk, url.Values{"database": {database}}, bytes.NewReader(text), &lines)
	return lines, err
}

// Load loads a dump into a database: one in pg_dump's own format, or an SQL script.
func (c *Client) Load(ctx context.Context, database string, script bool, dump io.Reader) error {
	query := url.Values{"database": {database}}
	if script {
		query.Set("script", "")
	}
	answer, err := c.do(ctx, http.MethodPost, pathLoad, query, dump)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

// Fill makes a database, in the place of one of that name, and loads a dump into it.
// Where there is a role for it, that one owns the database meanwhile; what it made
// then goes to the URL's user.
func (c *Client) Fill(ctx context.Context, maintenance, database string, script bool, dump io.Reader) error {
	loader, err := c.Loader(ctx)
	if err != nil {
		return err
	}
	create := "CREATE DATABASE " + Identifier(database) + " TEMPLATE template0 ENCODING 'UTF8'"
	if loader != "" {
		create += " OWNER " + Identifier(loader)
	}
	if _, err := c.Ask(ctx, maintenance, "DROP DATABASE IF EXISTS "+Identifier(database)+" WITH (FORCE)", create); err != nil {
		return err
	}
	if err := c.Load(ctx, database, script, dump); err != nil || loader == "" {
		return err
	}
	_, err = c.Ask(ctx, database, "REASSIGN OWNED BY "+Identifier(loader)+" TO CURRENT_USER")
	return err
}

// Identifier quotes a name for SQL.
func Identifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
