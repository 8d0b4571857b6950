// Clients of libraries that come back by themselves after their connection has ended, with the settings that these have
// by default. Each is connect(port, { onUp, onDown, onEvent }): it resolves with { count, close }, where count() sends one
// message that the app counts.
import {
  TRPCClientError,
  createTRPCClient,
  createWSClient,
  httpLink,
  httpSubscriptionLink,
  splitLink,
  wsLink,
} from '@trpc/client';
import { EventSource } from 'eventsource';
import { createClient } from 'graphql-ws';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';

/** A browser's WebSocket, or the package `ws`, in an app that connects anew as soon as it hears of the end. */
export function webSocket(port, { onUp, onDown, onEvent }) {
  let socket;
  let isClosing = false;
  let waiting;
  const connect = () => {
    socket = new WebSocket(`ws://127.0.0.1:${port}/`);
    socket.on('open', onUp);
    socket.on('error', () => {});
    socket.on('message', (data) => {
      const message = JSON.parse(data);
      if (message.event !== undefined) onEvent(message.event);
      else waiting?.resolve(message);
    });
    socket.on('close', (code) => {
      waiting?.reject(new Error('closed'));
      if (isClosing) return;
      onDown(code);
      connect();
    });
  };
  connect();
  return {
    count() {
      return new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        socket.send('count');
      });
    },
    close() {
      isClosing = true;
      socket.close();
    },
  };
}

/** Without WebSocket: it asks again and again, and each request waits at the server for news. */
export const socketIoPolling = (port, listeners) => socketIo(port, listeners, { transports: ['polling'] });

export function socketIo(port, { onUp, onDown, onEvent }, options) {
  const socket = io(`http://127.0.0.1:${port}`, { forceNew: true, ...options });
  let isClosing = false;
  let waiting;
  socket.on('connect', onUp);
  socket.on('event', onEvent);
  socket.on('disconnect', (reason) => {
    // It would wait for an answer for ever.
    waiting?.(new Error(reason));
    if (!isClosing) onDown(reason);
  });
  return {
    count() {
      return new Promise((resolve, reject) => {
        waiting = reject;
        socket.emit('count', resolve);
      });
    },
    close() {
      isClosing = true;
      socket.close();
    },
  };
}

export function graphqlWs(port, { onUp, onDown, onEvent }) {
  let isClosing = false;
  let waiting;
  const client = createClient({
    url: `ws://127.0.0.1:${port}/graphql`,
    webSocketImpl: WebSocket,
    on: {
      connected: onUp,
      closed({ code }) {
        waiting?.(new Error('closed'));
        if (!isClosing) onDown(code);
      },
    },
  });
  const ignore = () => {};
  client.subscribe(
    { query: 'subscription { event }' },
    { next: ({ data }) => onEvent(data.event), error: ignore, complete: ignore },
  );
  return {
    count() {
      return new Promise((resolve, reject) => {
        waiting = reject;
        let answer;
        client.subscribe(
          { query: 'mutation { count { version pid count } }' },
          { next: ({ data }) => (answer = data.count), error: reject, complete: () => resolve(answer) },
        );
      });
    },
    close() {
      isClosing = true;
      return client.dispose();
    },
  };
}

/** Subscriptions by event stream, the rest by fetch(). */
export function trpcEventStream(port, listeners) {
  const url = `http://127.0.0.1:${port}`;
  const client = createTRPCClient({
    links: [
      splitLink({
        condition: ({ type }) => type === 'subscription',
        true: httpSubscriptionLink({ url, EventSource }),
        false: httpLink({ url }),
      }),
    ],
  });
  return trpc(client, listeners);
}

export function trpcWebSocket(port, listeners) {
  const socket = createWSClient({ url: `ws://127.0.0.1:${port}`, WebSocket });
  const client = trpc(createTRPCClient({ links: [wsLink({ client: socket })] }), listeners);
  return {
    ...client,
    close() {
      client.close();
      void socket.close();
    },
  };
}

/** It may have opened another connection before it hears that the last one has closed: what counts is its own word. */
function trpc(client, { onUp, onDown, onEvent }) {
  const onError = (error) => {
    if (!(error instanceof TRPCClientError)) throw error;
  };
  let isClosing = false;
  const onConnectionStateChange = ({ state }) => {
    if (state === 'pending') onUp();
    if (state === 'connecting' && !isClosing) onDown();
  };
  const onData = ({ data }) => onEvent(data);
  const subscription = client.events.subscribe({}, { onData, onError, onConnectionStateChange });
  return {
    count: () => client.count.mutate(),
    close() {
      isClosing = true;
      subscription.unsubscribe();
    },
  };
}
