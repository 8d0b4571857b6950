// The same app as `express`, in TypeScript and in several modules.
import express, { type Express } from 'express';
import { readConfig } from './config.ts';
import { addRoutes } from './routes.ts';

const { host, port } = readConfig(process.env);
const app: Express = express();
app.use(express.json());
addRoutes(app);
app.listen(port, host);
