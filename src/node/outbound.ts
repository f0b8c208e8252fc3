import type { Address } from '../../machines/batch.ts'
import type { ServerMessage } from '../../machines/messages.ts'
import type { Driver } from '../core/driver.ts'

/** The network interface of a live node: it sends messages, and records the addresses of servers that are not members. */
export interface Outbound extends Pick<Driver, 'send' | 'flag' | 'heard' | 'lastHeard'> {
  /** Answers a client. The network may lose the answer. */
  respond(to: Address, message: ServerMessage): void
  /** Sends now what waits for the end of the turn of the event loop. */
  flush(): void
  /** Sends nothing more. */
  close(): void
}
