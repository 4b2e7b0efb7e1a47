"""What the image's check needs from outside: a name server that knows every name as 127.0.0.1, and a collector. Says
`collector PORT SERVER`, and `reached` when somebody connects."""

import socket
import struct
import threading

# Of loopback, where no other name server is likely; resolv.conf cannot name another port than 53.
SERVER = "127.83.97.110"
A = 1


def answer(query):
    """127.0.0.1 to a question for an IPv4 address, nothing to any other."""
    end = 12
    while query[end]:
        end += query[end] + 1
    question = query[12 : end + 5]
    kind = struct.unpack("!H", query[end + 1 : end + 3])[0]
    record = struct.pack("!HHHIH4B", 0xC00C, A, 1, 60, 4, 127, 0, 0, 1) if kind == A else b""
    return query[:2] + struct.pack("!HHHHH", 0x8180, 1, 1 if record else 0, 0, 0) + question + record


def names(server):
    while True:
        query, client = server.recvfrom(512)
        server.sendto(answer(query), client)


def main():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((SERVER, 53))
    threading.Thread(target=names, args=[server], daemon=True).start()
    collector = socket.create_server(("127.0.0.1", 0))
    print("collector", collector.getsockname()[1], SERVER, flush=True)
    connection, _ = collector.accept()
    print("reached", flush=True)
    connection.close()
    collector.close()
    threading.Event().wait()


if __name__ == "__main__":
    main()
