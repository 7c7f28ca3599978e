package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/redis"
)

func redisCommand() *cobra.Command {
	return &cobra.Command{
		Use:   jobs.Redis,
		Short: "Form the Redis cluster, or let it grow",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var config jobs.RedisConfig
			if err := readConfig(&config); err != nil {
				return err
			}
			password, err := redisPassword()
			if err != nil {
				return err
			}
			if len(config.Shards) == 0 {
				return fmt.Errorf("%s names no shards", jobs.ConfigFile)
			}
			log := jobLog(cmd.ErrOrStderr(), jobs.Redis)
			nodes, closeAll := redis.Open(config.Shards, password)
			defer closeAll()
			err = redis.Run(cmd.Context(), nodes, redis.Options{Deadline: 30 * time.Minute, Patience: time.Minute, Log: log})
			if err != nil {
				log.Error("failed", "error", err.Error())
			}
			return err
		},
	}
}

func redisMeetCommand() *cobra.Command {
	return &cobra.Command{
		Use:   jobs.RedisMeet,
		Short: "Keep a Redis node acquainted with its peers: a sidecar",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			password, err := redisPassword()
			if err != nil {
				return err
			}
			local := net.JoinHostPort("localhost", strconv.Itoa(jobs.RedisPort))
			keeper, err := redis.NewKeeper(local, password, jobLog(cmd.ErrOrStderr(), jobs.RedisMeet))
			if err != nil {
				return err
			}
			keeper.Run(cmd.Context(), 2*time.Second)
			return nil
		},
	}
}

func redisPassword() (string, error) {
	password := os.Getenv(jobs.RedisPasswordEnv)
	if password == "" {
		return "", fmt.Errorf("%s is not set: it comes from Secret %s", jobs.RedisPasswordEnv, jobs.SecretRedis)
	}
	return password, nil
}

// readConfig reads the Job's configuration, in which nothing may be unknown.
func readConfig(config any) error {
	path := filepath.Join(jobs.ConfigDir, jobs.ConfigFile)
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(config); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// jobLog writes one JSON object a line.
func jobLog(w io.Writer, job string) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, nil)).With("job", job)
}
