import { Client } from './client.ts'
import { type ConnectOptions, settingsFrom } from './options.ts'

/**
 * A client of the cluster whose servers `options` name. Nothing is sent before the first request. Throws InvalidArgument
 * when an option makes no sense.
 */
export function connect(options: ConnectOptions = {}): Client {
  return new Client(settingsFrom(options), options.signal)
}
