# What stands in for Stripe in development: it takes test cards, moves no money, and forgets everything when it ends.
#
#   docker build --file infra/docker/localstripe.Dockerfile --tag ticketing-localstripe .

FROM python:3.11-slim-bookworm
COPY scripts/services.d/requirements.txt /requirements.txt
RUN pip install --no-cache-dir --requirement /requirements.txt
USER 65532:65532
EXPOSE 8420
HEALTHCHECK --interval=5s --timeout=3s CMD ["python", "-c", "import socket; socket.create_connection(('127.0.0.1', 8420)).close()"]
ENTRYPOINT ["localstripe", "--from-scratch", "--port", "8420"]
