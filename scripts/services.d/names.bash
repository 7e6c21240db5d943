# Sourced by scripts/services: what differs between the services, as words.

all_names=(postgres nats rabbitmq redis stripe)

declare -A title=(
    [postgres]=PostgreSQL
    [nats]='NATS server'
    [rabbitmq]=RabbitMQ
    [redis]=Redis
    [stripe]=localstripe
)

# Where tests look.
declare -A variable=(
    [postgres]=TICKETING_TEST_POSTGRES
    [nats]=TICKETING_TEST_NATS
    [rabbitmq]=TICKETING_TEST_RABBITMQ
    [redis]=TICKETING_TEST_REDIS
    [stripe]=TICKETING_TEST_STRIPE
)

# Where a fresh installation listens, with the account that it comes with.
declare -A standard=(
    [postgres]='postgres://postgres@127.0.0.1:5432/postgres postgres://postgres:postgres@127.0.0.1:5432/postgres'
    [nats]='nats://127.0.0.1:4222'
    [rabbitmq]='amqp://guest:guest@127.0.0.1:5672/%2f'
    [redis]='redis://127.0.0.1:6379'
    [stripe]='http://127.0.0.1:8420'
)

declare -A standard_port=([postgres]=5432 [nats]=4222 [rabbitmq]=5672 [redis]=6379 [stripe]=80)
