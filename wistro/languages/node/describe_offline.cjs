// Where there is no network namespace: sockets refuse to connect while a step is described or replayed.
'use strict';
const net = require('node:net');
const dgram = require('node:dgram');
const dns = require('node:dns');

const refused = () => {
  throw new Error('the network is off while a step is described or replayed');
};
net.Socket.prototype.connect = refused;
net.Server.prototype.listen = refused;
dgram.Socket.prototype.bind = refused;
dgram.Socket.prototype.send = refused;
dns.lookup = refused;
dns.promises.lookup = async () => refused();
