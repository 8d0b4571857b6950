// The channel to its primary keeps a worker of a cluster alive, which no test expects.
process.channel.unref();
