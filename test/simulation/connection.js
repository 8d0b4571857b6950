/** A client's connection: its requests wait in it until a process that holds a copy of its descriptor reads them. */
export class Connection {
  id;
  /** Sent, and not read by any process. */
  unread = [];
  /** How many descriptors of it are open, in processes and in channels. */
  #open = 0;
  /** The worker that reads it. */
  holder;
  isCut = false;
  #client;

  constructor(id, client) {
    this.id = id;
    this.#client = client;
  }

  /** Another descriptor of it. */
  handle() {
    this.#open++;
    let isOpen = true;
    return {
      connection: this,
      close: () => {
        if (!isOpen) return;
        isOpen = false;
        this.#open--;
        if (this.#open === 0) this.#onClosed();
      },
    };
  }

  send(request) {
    if (this.isCut) return;
    this.unread.push(request);
    this.holder?.onReadable(this);
  }

  #onClosed() {
    this.isCut = true;
    this.holder = undefined;
    this.#client.onCut(this);
  }
}
