// The same app as `express`, in CommonJS.
const express = require('express');

const VERSION = 1;
const app = express();
app.use(express.json());
app.get('/', (request, response) => response.json({ version: VERSION, pid: process.pid }));
app.listen(Number(process.env.PORT), '127.0.0.1');
