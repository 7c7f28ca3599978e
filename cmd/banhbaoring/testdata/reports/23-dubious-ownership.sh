#!/bin/sh
# run as root: a checkout that belongs to another user, as in CI containers
set -eu
: "${B:?the program}"
d=$(mktemp -d); cd "$d"; git init -q -b main .
printf 'apiVersion: banhbaoring.io/v1\nkind: BanhBaoRingCluster\nmetadata: {name: prod, namespace: keys}\nspec: {domain: a.example.com}\n' > c.yaml
git add c.yaml; git -c user.name=a -c user.email=a@example.com commit -qm a
sed -i s/a.example/b.example/ c.yaml; git -c user.name=a -c user.email=a@example.com commit -qam b
chown -R nobody .
git log -1 2>&1 | head -1 || true
"$B" diff HEAD~1 HEAD || echo "rc=$?"
echo "-- without the git program, as in the product's own image:"
PATH=/nonexistent "$B" diff HEAD~1 HEAD || echo "rc=$?"
