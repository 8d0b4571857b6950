// A process that does nothing but tell that it runs.
process.send('running');
