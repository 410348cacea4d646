/** A backend for nginx to talk to: remembers what it was asked, and answers as told. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  /** Which connection it came on, counted from 1. */
  readonly connection: number;
}

export type Answer = (request: IncomingMessage, response: ServerResponse, asked: Asked) => void;

export interface FakeBackend {
  readonly address: string;
  readonly asked: Asked[];
  answer: Answer;
  /** Cuts every open connection. */
  cut(): void;
  stop(): Promise<void>;
}

/** Answers 200 with a JSON object naming the path. */
export const answerOk: Answer = (request, response) => {
  response.setHeader("content-type", "application/json");
  response.setHeader("cache-control", "no-store");
  response.end(JSON.stringify({ path: request.url }));
};

/** Starts a backend on a free port of this machine. */
export async function startBackend(): Promise<FakeBackend> {
  const sockets: Socket[] = [];
  const asked: Asked[] = [];
  const server: Server = createServer((request, response) => {
    const entry: Asked = {
      method: request.method ?? "",
      path: request.url ?? "",
      headers: request.headers,
      connection: sockets.indexOf(request.socket) + 1,
    };
    asked.push(entry);
    backend.answer(request, response, entry);
  });
  server.on("connection", (socket) => sockets.push(socket));
  const backend: FakeBackend = {
    address: "",
    asked,
    answer: answerOk,
    cut() {
      for (const socket of sockets) {
        socket.resetAndDestroy();
      }
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(backend, { address: `127.0.0.1:${String((server.address() as AddressInfo).port)}` });
}
