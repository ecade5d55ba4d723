#!/usr/bin/env bash
# Deploys IMAGE to the Docker host of an environment over ssh, and waits until its containers are healthy.
set -euo pipefail
cd "$(dirname "$0")/../deploy"
umask 077
mkdir -p ~/.ssh
printf '%s\n' "$DEPLOY_KEY" >~/.ssh/id_deploy
printf '%s\n' "$DEPLOY_KNOWN_HOSTS" >~/.ssh/known_hosts
printf 'Host *\n  IdentityFile ~/.ssh/id_deploy\n  StrictHostKeyChecking yes\n' >~/.ssh/config
printf '%s\n' "$DEPLOY_ENV" >"$TARGET.env"
policy="platform/platform.$TARGET.toml"
printf '%s\n' "$DEPLOY_PLATFORM" | ssh "$DEPLOY_HOST" "mkdir -p platform && cat >$policy"
printf '%s\n' "$TOKEN" | docker login ghcr.io --username "$GITHUB_ACTOR" --password-stdin  # for a private image
export IMAGE=${IMAGE,,} POLICY DOCKER_HOST=ssh://$DEPLOY_HOST
POLICY=$(ssh "$DEPLOY_HOST" pwd)/$policy
docker compose -f compose.yaml up --detach --wait
