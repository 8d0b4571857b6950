// Imports what large apps import, and uses a bit of each. It connects to no database, and boots no Nest application:
// that would be the app's own work, which takes the same time under every tool.
import 'reflect-metadata';
import { Controller, Get, Injectable, Module } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import express from 'express';
import lodash from 'lodash';
import { Pool } from 'pg';
import { DataSource, EntitySchema } from 'typeorm';
import { z } from 'zod';

const VERSION = 1;
const Answer = z.object({ version: z.number(), pid: z.number(), users: z.string(), path: z.string() });

const User = new EntitySchema({
  name: 'user',
  columns: { id: { type: Number, primary: true, generated: true }, name: { type: String } },
});
const pool = new Pool({ host: '127.0.0.1', max: 1 });
const database = new DataSource({ type: 'postgres', host: '127.0.0.1', entities: [User] });

class Users {
  tell() {
    const users = lodash.uniq(database.options.entities.map((entity) => entity.options.name));
    return { version: VERSION, pid: process.pid, users: `${users}, ${pool.totalCount} connections` };
  }
}
Injectable()(Users);

class UsersController {
  constructor(users) {
    this.users = users;
  }

  tell() {
    return this.users.tell();
  }
}
Controller('/')(UsersController);
Get('/')(UsersController.prototype, 'tell', Object.getOwnPropertyDescriptor(UsersController.prototype, 'tell'));

class App {}
Module({ controllers: [UsersController], providers: [Users] })(App);

const server = new ExpressAdapter(express());
const controller = new UsersController(new Users());
const route = new Reflector().get('path', controller.tell);
server.get(route, (request, response) => {
  server.reply(response, Answer.parse({ ...controller.tell(), path: route }));
});
server.getInstance().listen(Number(process.env.PORT), '127.0.0.1');
