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
printf '%s\n' "$DEPLOY_PLATFORM" | ssh "$DEPLOY_HOST" "mkdir -p platform && cat >platform/platform.$TARGET.toml"
folder=$(ssh "$DEPLOY_HOST" pwd)
sed -i "s|\./platform\.$TARGET\.toml|$folder/platform/platform.$TARGET.toml|" "compose.$TARGET.yaml"
IMAGE=${IMAGE,,} DOCKER_HOST=ssh://$DEPLOY_HOST docker compose -f "compose.$TARGET.yaml" up --detach --wait
