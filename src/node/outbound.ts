import type { Address } from '../../machines/batch.ts'
import type { ServerMessage } from '../../machines/messages.ts'
import type { Driver } from '../core/driver.ts'

/** What a live node sends by, and where servers that are no members were heard from: what the driver has of the network. */
export interface Outbound extends Pick<Driver, 'send' | 'flag' | 'heard' | 'lastHeard'> {
  /** Answers a client; it may be lost. */
  respond(to: Address, message: ServerMessage): void
  /** Sends nothing more. */
  close(): void
}
