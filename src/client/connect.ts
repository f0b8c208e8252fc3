import { Client } from './client.ts'
import { type ConnectOptions, settingsFrom } from './options.ts'

/**
 * Makes a client of the cluster whose servers `options` name. It sends nothing before the first request. Throws
 * InvalidArgument when an option is invalid.
 */
export function connect(options: ConnectOptions = {}): Client {
  return new Client(settingsFrom(options), options.signal)
}
