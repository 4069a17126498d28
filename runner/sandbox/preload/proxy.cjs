// Loaded into every Node process of a sandbox, before its own code: connections leave by the CONNECT proxy that
// HTTPS_PROXY names, since Node's fetch and http(s) do not look at it. net.connect and tls.connect are what fetch, http,
// https, npm packages and database drivers all end at, so these two are replaced and nothing else is.
'use strict'

const net = require('node:net')
const { Duplex } = require('node:stream')

const proxy = process.env.HTTPS_PROXY && new URL(process.env.HTTPS_PROXY)

if (proxy) install()

function install() {
  const tls = require('node:tls')
  const connectPlainly = net.connect
  const connectSecurely = tls.connect

  net.connect = net.createConnection = function connect(...args) {
    const [options, listener] = normalize(args)
    if (staysInside(options)) return connectPlainly.apply(net, args)
    const tunnel = new Tunnel(options, connectPlainly)
    if (listener) tunnel.once('connect', listener)
    return tunnel
  }

  tls.connect = function connect(...args) {
    const [options, listener] = normalize(args)
    if (options.socket || staysInside(options)) return connectSecurely.apply(tls, args)
    const socket = new Tunnel(options, connectPlainly)
    const servername = options.servername ?? (net.isIP(options.host) ? '' : options.host)
    const secured = connectSecurely.call(tls, { ...options, socket, servername }, listener)
    socket.once('connect', () => secured.emit('connect'))
    socket.on('error', (error) => secured.destroy(error))
    return secured
  }
}

// (options), (path), (port, host), each with further options and a listener, as net.connect and tls.connect take them.
function normalize(args) {
  const listener = typeof args.at(-1) === 'function' ? args.at(-1) : undefined
  const given = listener ? args.slice(0, -1) : args
  let options = {}
  if (typeof given[0] === 'object' && given[0] !== null) options = { ...given[0] }
  else if (isPort(given[0])) {
    options = { port: given[0], host: typeof given[1] === 'string' ? given[1] : undefined }
  } else options = { path: given[0] }
  for (const more of given.slice(1)) {
    if (typeof more === 'object' && more !== null) options = { ...options, ...more }
  }
  options.host ??= 'localhost'
  return [options, listener]
}

function isPort(value) {
  return typeof value === 'number' || (typeof value === 'string' && /^\d+$/.test(value))
}

// Unix sockets and this sandbox's own loopback, where the forwarders of `egress` listen too.
function staysInside({ path, host, port }) {
  return Boolean(path) || !port || isLoopback(host) || forwarded().has(`${host}`.toLowerCase())
}

function isLoopback(host) {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
}

let forwardedHosts
function forwarded() {
  if (!forwardedHosts) {
    const lines = require('node:fs').readFileSync('/etc/hosts', 'utf8').split('\n')
    forwardedHosts = new Set(lines.flatMap((line) => line.trim().split(/\s+/).slice(1)))
  }
  return forwardedHosts
}

// A socket that is open once the proxy has answered 200; what is written before waits.
class Tunnel extends Duplex {
  constructor({ host, port }, connectPlainly) {
    super({ allowHalfOpen: true })
    this.connecting = true
    this.encrypted = false
    this.remoteAddress = host
    this.remotePort = Number(port)
    this._started = undefined
    this._head = Buffer.alloc(0)
    this._raw = connectPlainly({ host: proxy.hostname, port: Number(proxy.port) })
    const target = net.isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`
    this._raw.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`)
    this._raw.on('error', (error) => this.destroy(error))
    this._raw.on('close', () => this._closed(target))
    this._raw.on('end', () => !this.connecting && this.push(null))
    this._onHead = (chunk) => this._readHead(chunk, target)
    this._raw.on('data', this._onHead)
  }

  _readHead(chunk, target) {
    this._head = Buffer.concat([this._head, chunk])
    const end = this._head.indexOf('\r\n\r\n')
    if (end < 0) return
    const status = this._head.subarray(0, end).toString('latin1').split(' ')[1]
    if (status !== '200') {
      this._status = status
      this._reason = this._head.subarray(end + 4).toString('utf8').trim()
      return
    }
    const rest = this._head.subarray(end + 4)
    this._raw.off('data', this._onHead)
    this._raw.on('data', (more) => this.push(more) || this._raw.pause())
    this.connecting = false
    if (rest.length) this.push(rest)
    this._started?.()
    this.emit('connect')
    this.emit('ready')
  }

  _closed(target) {
    if (this.connecting) {
      const reason = this._reason || `wistro: the proxy did not connect to ${target}`
      const code = this._status === '403' ? 'EACCES' : 'ECONNREFUSED'
      this.destroy(Object.assign(new Error(reason), { code, syscall: 'connect' }))
    } else if (!this.readableEnded) this.push(null)
  }

  _whenOpen(then) {
    if (this.connecting) this._started = then
    else then()
  }

  _read() {
    if (!this.connecting) this._raw.resume()
  }

  _write(chunk, encoding, done) {
    this._whenOpen(() => this._raw.write(chunk, encoding, done))
  }

  _final(done) {
    this._whenOpen(() => this._raw.end(done))
  }

  _destroy(error, done) {
    this._raw.destroy()
    done(error)
  }

  setNoDelay(...args) {
    this._raw.setNoDelay(...args)
    return this
  }

  setKeepAlive(...args) {
    this._raw.setKeepAlive(...args)
    return this
  }

  setTimeout(ms, listener) {
    if (listener) this.once('timeout', listener)
    this._raw.setTimeout(ms, () => this.emit('timeout'))
    return this
  }

  ref() {
    this._raw.ref()
    return this
  }

  unref() {
    this._raw.unref()
    return this
  }

  address() {
    return this._raw.address()
  }
}
